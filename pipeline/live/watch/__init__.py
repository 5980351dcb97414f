"""What people see of a live desk and ask of it: commands, a status page, and the server between."""
