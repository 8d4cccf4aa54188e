"""Side-by-side measurements of lamina and other libraries; see benchmarks/README.md."""
