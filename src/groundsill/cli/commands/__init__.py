"""One file a command; being here is the registration. Each holds a click command called `command`."""
