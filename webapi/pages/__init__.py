"""What people see: templates, one style sheet, one script, and the words and forms that the templates show."""
