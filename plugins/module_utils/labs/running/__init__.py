"""Starting and ending the instances of a class."""
