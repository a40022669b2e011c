"""Records to tables, figures and one HTML page. No torch, no training: old records can be reported anew."""
