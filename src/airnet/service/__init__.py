"""Service: what runs behind `airnet run` on a capture host."""
