"""The embedded scheduler: a driver thread and a worker pool around the core engine. ``duly`` exports its names."""
