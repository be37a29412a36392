"""The Celery application: tasks are a name and one call each."""
