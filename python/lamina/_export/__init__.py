"""Networks and table models as source code: C, JavaScript, and Python without packages."""
