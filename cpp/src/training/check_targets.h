// Targets and sample weights as users give them: checked, and converted to the types that training reads.
#pragma once

#include <cstdint>
#include <span>

#include "inference/data.h"

namespace lamina {

// All of these raise kValue with a sentence that begins with `where` and names the row and the value that is
// wrong. Arrays may be of any type that a SourceType names and have any strides.

// Class indices [rows, 1] into `classes` [rows] (null: they are only looked at): whole numbers in [0,
// outputs).
void read_classes(const ArraySource& y, int64_t outputs, const char* where, int32_t* classes);

// Targets [rows, columns] into `values` [rows, columns] (null: they are only looked at): finite, within T's
// range, and what the loss takes (probabilities, counts, ...). Hinge losses take -1 and 1, or 0 and 1, which
// become -1 and 1; true where they did, or would.
template <class T>
bool read_values(const ArraySource& y, const LossSpec& loss, const char* where, T* values);

// Losses that tell two classes by one output: binary ones and hinge losses, whose targets are -1 and 1.
bool is_hinge(const LossSpec& loss);
bool tells_two_classes(const LossSpec& loss);

// What the size of weights means: nothing where a mean is taken, so that very small or large ones may be
// scaled by a power of two; elsewhere the largest must lie in the range of a type.
enum class WeightScale : uint8_t { kRelative, kFloat32, kFloat64 };

// Sample weights [rows, 1] into `weights` [rows]: finite, at least 0, and not all 0.
void read_weights(const ArraySource& sample_weight, WeightScale scale, const char* where, double* weights);

// Brings checked weights, not all 0, to where products and sums of them neither vanish nor overflow.
void scale_weights(std::span<double> weights, WeightScale scale, const char* where);

// A data set of a program that gives the core's own types: the right targets for the loss and a network of
// so many outputs, and weights as read_weights takes them.
template <class T>
void check_targets(const DataSet<T>& data, const LossSpec& loss, int64_t outputs, const char* where);

}  // namespace lamina
