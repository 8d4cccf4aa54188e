"""The words of the language that C needs functions for, `PREFIX` standing for the model's prefix.

Each is written once for float and once for double: TYPE is the type, OTHER its name in the names of
functions where the network is of the other type.
"""

FMA = """\
/* a * b + c with one rounding: by the machine where it can, else in double, whose extra rounding
   changes one result in some hundred million. */
static inline float PREFIX_fmaOTHER(float a, float b, float c) {
#if defined(__FP_FAST_FMAF) || (defined(__FMA__) && defined(__GNUC__))
  return __builtin_fmaf(a, b, c);
#else
  return (float)((double)a * (double)b + (double)c);
#endif
}
"""

FMA_DOUBLE = """\
/* a * b + c: with one rounding where the machine can. */
static inline double PREFIX_fmaOTHER(double a, double b, double c) {
#if defined(__FP_FAST_FMA) || (defined(__FMA__) && defined(__GNUC__))
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}
"""

MAGNITUDE = """\
static inline TYPE PREFIX_magnitudeOTHER(TYPE x) {
  return x < 0 ? -x : x;
}
"""

# The bits of a float are an unsigned int, those of a double an unsigned long long.
POWER_OF_TWO = {
    "float": """\
/* 2^n, and 0 below the smallest normal number. */
static inline float PREFIX_power_of_twoOTHER(int n) {
  union { unsigned int bits; float value; } number;
  number.bits = n <= -127 ? 0u : n > 127 ? 255u << 23 : (unsigned int)(n + 127) << 23;
  return number.value;
}
""",
    "double": """\
/* 2^n, and 0 below the smallest normal number. */
static inline double PREFIX_power_of_twoOTHER(int n) {
  union { unsigned long long bits; double value; } number;
  number.bits = n <= -1023 ? 0ull : n > 1023 ? 2047ull << 52 : (unsigned long long)(n + 1023) << 52;
  return number.value;
}
""",
}
EXPONENT = {
    "float": """\
/* n with 2^n <= x < 2^(n + 1). */
static inline int PREFIX_exponentOTHER(float x) {
  union { float value; unsigned int bits; } number;
  number.value = x;
  return (int)(number.bits >> 23 & 255u) - 127;
}
""",
    "double": """\
/* n with 2^n <= x < 2^(n + 1). */
static inline int PREFIX_exponentOTHER(double x) {
  union { double value; unsigned long long bits; } number;
  number.value = x;
  return (int)(number.bits >> 52 & 2047ull) - 1023;
}
""",
}
UPPER_HALF = {
    "float": """\
/* x without the lower half of its fraction, so that its square is exact. */
static inline float PREFIX_upper_halfOTHER(float x) {
  union { float value; unsigned int bits; } number;
  number.value = x;
  number.bits &= 0xfffff000u;
  return number.value;
}
""",
    "double": """\
/* x without the lower half of its fraction, so that its square is exact. */
static inline double PREFIX_upper_halfOTHER(double x) {
  union { double value; unsigned long long bits; } number;
  number.value = x;
  number.bits &= 0xfffffffff8000000ull;
  return number.value;
}
""",
}
INTEGER = """\
/* x without its fraction; 0 of NaN, which C leaves open. */
static inline int PREFIX_integerOTHER(TYPE x) {
  return x == x ? (int)x : 0;
}
"""
FLOOR = """\
static inline TYPE PREFIX_floorOTHER(TYPE x) {
  const TYPE limit = LARGEST;
  TYPE whole;
  if (!(x > -limit && x < limit)) return x;
  whole = (TYPE)(WIDE)x;
  return whole > x ? whole - 1 : whole;
}
"""
MISSING = """\
/* NaN, which stands for a missing number. */
static inline double PREFIX_missing(void) {
  const double zero = 0.0;
  return zero / zero;
}
"""
# White space of Unicode; ASCII has four separators among it that few know.
BEHIND_BLANKS = """\
/* The place behind white space in UTF-8. */
static inline int PREFIX_behind_blanks(const char* text, int place) {
  for (;;) {
    const unsigned char* t = (const unsigned char*)text + place;
    if (t[0] == ' ' || (t[0] >= 9 && t[0] <= 13) || (t[0] >= 28 && t[0] <= 31)) {
      place += 1;
    } else if (t[0] == 0xc2 && (t[1] == 0x85 || t[1] == 0xa0)) {
      place += 2;
    } else if ((t[0] == 0xe1 && t[1] == 0x9a && t[2] == 0x80) ||
               (t[0] == 0xe2 && t[1] == 0x80 && t[2] >= 0x80 && t[2] <= 0x8a) ||
               (t[0] == 0xe2 && t[1] == 0x80 && (t[2] == 0xa8 || t[2] == 0xa9 || t[2] == 0xaf)) ||
               (t[0] == 0xe2 && t[1] == 0x81 && t[2] == 0x9f) ||
               (t[0] == 0xe3 && t[1] == 0x80 && t[2] == 0x80)) {
      place += 3;
    } else {
      return place;
    }
  }
}
"""
SAME_TEXTS = """\
/* Whether two texts are the same, but for white space behind the first. */
static inline int PREFIX_same_texts(const char* a, const char* b) {
  while (*b != 0 && *a == *b) {
    ++a;
    ++b;
  }
  return *b == 0 && a[PREFIX_behind_blanks(a, 0)] == 0;
}
"""
TRIMMED = """\
/* A text without white space before it. */
static inline const char* PREFIX_trimmed(const char* text) {
  return text == 0 ? text : text + PREFIX_behind_blanks(text, 0);
}
"""


def c_words(used: set[tuple[str, str]], real: str, prefix: str) -> list[str]:
    """The functions that printed code calls.

    Args:
        used: words and their number types.
    """
    parts = []
    for name, kind in sorted(used):
        text = _text(name, kind)
        if text:
            other = "" if kind == real else f"_{kind}"
            text = text.replace("PREFIX", prefix).replace("OTHER", other)
            largest, wide = ("2147483520.0f", "int") if kind == "float" else ("4e18", "long long")
            text = text.replace("LARGEST", largest).replace("WIDE", wide).replace("TYPE", kind)
            parts.append(text)
    return parts


def _text(name: str, kind: str) -> str:
    match name:
        case "fma" | "fnma":
            return FMA if kind == "float" else FMA_DOUBLE
        case "magnitude":
            return MAGNITUDE
        case "power_of_two":
            return POWER_OF_TWO[kind]
        case "exponent":
            return EXPONENT[kind]
        case "upper_half":
            return UPPER_HALF[kind]
        case "integer":
            return INTEGER
        case "floor":
            return FLOOR
        case "missing":
            return MISSING
        case "behind_blanks":
            return BEHIND_BLANKS
        case "same_texts":
            return SAME_TEXTS
        case "trimmed":
            return TRIMMED
    return ""
