"""When what is sent: arrivals, popularity, traces, plans; all of it pure."""
