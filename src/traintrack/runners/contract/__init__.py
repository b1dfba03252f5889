"""The task contract as every runner on this machine keeps it: stage, code, inputs, call, log, secrets, output, ending."""
