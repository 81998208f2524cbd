// Swift's values as GVariants, and those of a call's arguments as Swift's. Any thread.
//
// A `GVariant *` that is made here is floating: whoever it is given to, a container or a reply, takes it over.

import CGLib

/// A new, floating `GVariant *`.
typealias FloatingVariant = OpaquePointer

/// A value that a dictionary of the type `a{sv}` can hold.
enum BusValue {
  case string(String)
  case boolean(Bool)
  /// D-Bus's `u`, for what is few.
  case count(Int)
  /// D-Bus's `t`.
  case number(UInt64)

  var variant: FloatingVariant {
    switch self {
    case .string(let text): g_variant_new_string(text)
    case .boolean(let isTrue): g_variant_new_boolean(isTrue ? 1 : 0)
    case .count(let count): g_variant_new_uint32(UInt32(clamping: count))
    case .number(let number): g_variant_new_uint64(guint64(number))
    }
  }
}

/// `a{sv}`, whose entries keep their order.
struct BusDictionary: ExpressibleByDictionaryLiteral {
  private var entries: [(key: String, value: BusValue)]

  init(dictionaryLiteral entries: (String, BusValue)...) {
    self.entries = entries
  }

  static func + (one: BusDictionary, another: BusDictionary) -> BusDictionary {
    var sum = one
    sum.entries += another.entries
    return sum
  }

  var variant: FloatingVariant {
    Variants.array(
      of: "{sv}",
      entries.map {
        g_variant_new_dict_entry(
          g_variant_new_string($0.key), g_variant_new_variant($0.value.variant))
      })
  }
}

enum Variants {
  /// An array that may be empty, of elements of one type.
  static func array(of type: String, _ elements: [FloatingVariant?]) -> FloatingVariant {
    let type = g_variant_type_new(type)
    defer { g_variant_type_free(type) }
    var elements = elements
    return g_variant_new_array(type, &elements, gsize(elements.count))
  }

  /// What a call, a reply and a signal have for a body.
  static func tuple(_ elements: FloatingVariant...) -> FloatingVariant {
    var elements: [FloatingVariant?] = elements
    return g_variant_new_tuple(&elements, gsize(elements.count))
  }
}

/// The arguments of a call, which somebody else keeps alive.
struct BusArguments {
  let tuple: OpaquePointer

  func string(_ index: Int) -> String {
    let child = g_variant_get_child_value(tuple, gsize(index))
    defer { g_variant_unref(child) }
    return String(cString: g_variant_get_string(child, nil))
  }

  func boolean(_ index: Int) -> Bool {
    let child = g_variant_get_child_value(tuple, gsize(index))
    defer { g_variant_unref(child) }
    return g_variant_get_boolean(child) != 0
  }

  func count(_ index: Int) -> UInt32 {
    let child = g_variant_get_child_value(tuple, gsize(index))
    defer { g_variant_unref(child) }
    return g_variant_get_uint32(child)
  }
}
