"""The store: the only room that speaks SQL. Supervisor, migrations, pools, named statements and the tables behind them."""
