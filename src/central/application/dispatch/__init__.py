"""Step 2, dispatch: shares become grants, grants become claims, claims are judged."""
