"""What users give, checked: numbers, arrays, frames and descriptions."""
