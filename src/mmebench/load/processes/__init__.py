"""The processes of a load, inside Locust: locustfile, conductor, workers."""
