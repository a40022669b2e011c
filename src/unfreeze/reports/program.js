(() => {
"use strict";
{% include "charts.js" %}

{% include "page.js" %}

})();
