// Binds learning-rate schedules: those of the core, made from Python's objects, and those of users.
#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <span>

#include "array_view.h"
#include "figures_dict.h"
#include "given_values.h"
#include "instance.h"
#include "made_here.h"
#include "schedule_handle.h"
#include "training/schedule_options.h"

namespace lamina::python {
namespace {

using schedules::Needed;
using schedules::Range;

// Reads options from the attributes of a Python schedule, by the names that the core has for them.
class AttributeReader final : public schedules::OptionVisitor {
 public:
  explicit AttributeReader(py::handle schedule)
      : schedule_(schedule), name_(py::type::of(schedule).attr("__name__").cast<std::string>()) {}

  void number(const char* option, double& value, const Range& range, Needed = Needed::kNo) override {
    const py::object given = schedule_.attr(option);
    if (!is_number(given) || !schedules::in_range(as_double(given), range))
      refuse(Error::Kind::kValue, name_, schedules::expected_number(option, range), given);
    value = as_double(given);
  }
  void count(const char* option, int64_t& value, int64_t low, Needed = Needed::kNo) override {
    const py::object given = schedule_.attr(option);
    if (!is_whole(given) || as_integer(given) < low)
      refuse(Error::Kind::kValue, name_, schedules::expected_count(option, low), given);
    value = as_integer(given);
  }
  void length(const char* option, std::optional<int64_t>& value) override {
    if (schedule_.attr(option).is_none()) return;
    int64_t given = 0;
    count(option, given, 1);
    value = given;
  }
  void milestones(const char* option, std::vector<int64_t>& values) override {
    const py::object given = schedule_.attr(option);
    bool good = py::isinstance<py::tuple>(given);
    if (good)
      for (const py::handle value : given) {
        good = good && is_whole(value) && (values.empty() || values.back() <= as_integer(value));
        if (good) values.push_back(as_integer(value));
      }
    if (!good) refuse(Error::Kind::kValue, name_, schedules::expected_milestones(option), given);
  }
  void text(const char* option, std::string& value) override {
    const py::object given = schedule_.attr(option);
    if (given.is_none()) return;
    if (!PyUnicode_Check(given.ptr()))
      refuse(Error::Kind::kType, name_, std::string(option) + " as a text or None", given);
    value = given.cast<std::string>();
  }
  void mode(const char* option, std::optional<Mode>& value) override {
    value = named_value<std::optional<Mode>>(
        schedule_.attr(option), {{"auto", std::nullopt}, {"min", Mode::kMin}, {"max", Mode::kMax}}, name_,
        std::string(option) + " auto, min or max");
  }
  Per per() const {
    return named_value<Per>(schedule_.attr("per"), {{"step", Per::kStep}, {"epoch", Per::kEpoch}}, name_,
                            "per 'step' or 'epoch'");
  }
  double rate() {
    double rate = 0.0;
    number("rate", rate, schedules::kNotNegative);
    return rate;
  }
  template <class Options>
  Options options() {
    Options options;
    schedules::visit_options(options, *this);
    return options;
  }

 private:
  py::handle schedule_;
  std::string name_;
};

// A schedule of the user's: a Python object, asked through its methods.
class PythonSchedule final : public Schedule {
 public:
  explicit PythonSchedule(const py::object& schedule)
      : Schedule(AttributeReader(schedule).rate(), AttributeReader(schedule).per()),
        schedule_(new py::object(schedule), [](py::object* held) {
          const py::gil_scoped_acquire locked;
          delete held;
        }) {}

  std::vector<double> rates(const RateSpan& span) const override {
    const py::gil_scoped_acquire locked;
    const py::object given =
        schedule_->attr("rates")(span.first_step, span.count, span.epoch_steps, span.last_step);
    const auto rates = py::array_t<double, py::array::c_style | py::array::forcecast>::ensure(given);
    if (!rates || rates.ndim() != 1 || rates.size() != span.count) {
      PyErr_Clear();
      refuse(Error::Kind::kValue, py::type::of(*schedule_).attr("__name__").cast<std::string>(),
             std::to_string(span.count) + " rates of your schedule", given);
    }
    return {rates.data(), rates.data() + rates.size()};
  }
  void watch(const FigureModes& figures) override {
    const py::gil_scoped_acquire locked;
    schedule_->attr("watch")(dict_of(figures));
  }
  void note_epoch(const Figures& record) override {
    const py::gil_scoped_acquire locked;
    schedule_->attr("note_epoch")(dict_of(record));
  }
  std::unique_ptr<Schedule> clone() const override {
    const py::gil_scoped_acquire locked;
    return std::make_unique<PythonSchedule>(py::module_::import("copy").attr("deepcopy")(*schedule_));
  }
  Json to_json() const override {
    throw Error(Error::Kind::kValue, "schedule: one of your own cannot be written as JSON");
  }

 private:
  std::shared_ptr<py::object> schedule_;
};

template <class Options>
std::unique_ptr<Schedule> make(AttributeReader& given) {
  if constexpr (std::is_same_v<Options, PlateauOptions>)
    return make_plateau(given.rate(), given.options<Options>(), given.per());
  else
    return make_schedule(given.rate(), given.options<Options>(), given.per());
}

using Maker = std::unique_ptr<Schedule> (*)(AttributeReader&);

template <class... Options>
std::map<std::string, Maker> makers(std::variant<Options...>*) {
  return {{Options::kKind, &make<Options>}..., {PlateauOptions::kKind, &make<PlateauOptions>}};
}

Instance<BoundSchedule> bound(std::shared_ptr<Schedule> schedule) {
  return Instance(std::make_unique<BoundSchedule>(BoundSchedule{std::move(schedule)}));
}

int64_t whole(const char* name, py::handle value, int64_t low) {
  if (!is_whole(value)) refuse(Error::Kind::kType, "rates", std::string(name) + " as a whole number", value);
  if (as_integer(value) < low || as_integer(value) > schedules::kMostCounted)
    refuse(Error::Kind::kValue, "rates", std::string(name) + " of at least " + std::to_string(low), value);
  return as_integer(value);
}

// Steps as users may give them; None: not known.
RateSpan span_of(py::handle first, py::handle count, py::handle epoch_steps, py::handle last) {
  RateSpan span{whole("first", first, 0), whole("count", count, 0)};
  if (!epoch_steps.is_none()) span.epoch_steps = whole("epoch_steps", epoch_steps, 1);
  if (!last.is_none()) span.last_step = whole("last", last, 0);
  return span;
}

py::array_t<double> rates_array(const std::vector<double>& values) {
  return py::array_t<double>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::dict state_of(const Schedule& schedule) {
  py::dict state;
  if (const std::optional<PlateauState> found = schedule.get_state()) {
    state["rate"] = found->rate;
    state["best"] = found->best;
    state["bad"] = found->bad;
    state["cooling"] = found->cooling;
  }
  return state;
}

void set_state(Schedule& schedule, const py::object& state) {
  if (!schedule.get_state()) return;
  const auto get = [&](const char* key, const auto& is_kind) {
    const bool found = py::isinstance<py::dict>(state) && state.contains(key);
    const py::object value = found ? py::object(state[key]) : py::none();
    if (!is_kind(value)) refuse(Error::Kind::kValue, "ReduceOnPlateau", "a state that get_state gave", state);
    return value;
  };
  PlateauState read;
  read.rate = as_double(get("rate", [](py::handle value) { return is_number(value); }));
  const py::object best = get("best", [](py::handle value) { return value.is_none() || is_number(value); });
  if (!best.is_none()) read.best = as_double(best);
  read.bad = as_integer(get("bad", [](py::handle value) { return is_whole(value); }));
  read.cooling = as_integer(get("cooling", [](py::handle value) { return is_whole(value); }));
  schedule.set_state(read);
}

}  // namespace

void register_schedules(py::module_& module) {
  using Bound = BoundSchedule;
  made_here<Bound>(module, "Schedule")
      .def(
          "rates",
          [](const Bound& self, const py::object& first, const py::object& count,
             const py::object& epoch_steps, const py::object& last) {
            return rates_array(self.schedule->rates(span_of(first, count, epoch_steps, last)));
          },
          py::arg("first"), py::arg("count"), py::arg("epoch_steps"), py::arg("last"))
      .def(
          "factors",
          [](const Bound& self, const DenseArray<double>& t, double length) {
            const std::span<const double> times(t.data(), static_cast<std::size_t>(t.size()));
            return rates_array(self.schedule->factors(times, length));
          },
          py::arg("t"), py::arg("length"))
      .def(
          "watch", [](Bound& self, const py::dict& figures) { self.schedule->watch(modes_of(figures)); },
          py::arg("figures"))
      .def(
          "note_epoch",
          [](Bound& self, const py::dict& record) { self.schedule->note_epoch(figures_of(record)); },
          py::arg("record"))
      .def("to_json", [](const Bound& self) { return self.schedule->to_json().dump(); })
      .def("get_state", [](const Bound& self) { return state_of(*self.schedule); })
      .def(
          "set_state", [](Bound& self, const py::object& state) { set_state(*self.schedule, state); },
          py::arg("state"));
  module.def(
      "make_schedule",
      [](const std::string& kind, const py::object& options) {
        static const std::map<std::string, Maker> known = makers(static_cast<CurveOptions*>(nullptr));
        AttributeReader given(options);
        return bound(known.at(kind)(given));
      },
      py::arg("kind"), py::arg("options"), "A curve or a plateau, by the attributes of a Python schedule.");
  module.def(
      "make_warm_up",
      [](const Bound& after, const py::object& options) {
        AttributeReader given(options);
        return bound(make_warm_up(after.schedule, given.options<WarmUpOptions>(), given.per()));
      },
      py::arg("after"), py::arg("options"));
  module.def(
      "schedule_from_json",
      [](const std::string& spec) { return bound(schedule_from_json(Json::parse(spec))); }, py::arg("spec"));
  module.def(
      "wrap_schedule",
      [](const py::object& schedule) { return bound(std::make_shared<PythonSchedule>(schedule)); },
      py::arg("schedule"), "A schedule of the user's own, as the core follows it.");
  module.def(
      "curve_times",
      [](const std::string& name, const std::string& per, const py::object& first, const py::object& count,
         const py::object& epoch_steps, const py::object& last, const py::object& length) {
        const bool own = !length.is_none();
        const CurveTimes times =
            curve_times(name, per == "epoch" ? Per::kEpoch : Per::kStep,
                        span_of(first, count, epoch_steps, last), own ? as_double(length) : 0.0, !own);
        return py::make_tuple(rates_array(times.t), times.length);
      },
      py::arg("name"), py::arg("per"), py::arg("first"), py::arg("count"), py::arg("epoch_steps"),
      py::arg("last"), py::arg("length"),
      "Times t of some steps, and the time at which a curve ends: with training where length is None.");
}

}  // namespace lamina::python
