"""What stands between the use cases and AWS: one module for each service, each turning its errors into ours."""
