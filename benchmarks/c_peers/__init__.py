"""lamina beside neural networks in C and C++: FANN, RTNeural, a plain loop over Eigen."""
