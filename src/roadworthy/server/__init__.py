"""JupyterLab's server side: what its page asks for and is told of. The only folder that imports tornado."""
