// The command line of a program whose rows have arguments: the row's name, what belongs to it, and options behind that.

public enum Arguments {
  private static let all = Array(CommandLine.arguments.dropFirst())

  /// The row's name; ends the program if there is none.
  public static var row: String { rowOfCommandLine() }

  /// The argument at this place, the row's name being the first.
  public static subscript(_ index: Int) -> String {
    if index >= all.count || all[index].hasPrefix("--") {
      fail("\(row) has more arguments than that")
    }
    return all[index]
  }

  public static func number(_ index: Int) -> Int {
    guard let number = Int(self[index]), number > 0 else {
      fail("'\(self[index])' is not a number above 0")
    }
    return number
  }

  public static func has(_ option: String) -> Bool { all.contains(option) }

  /// What stands behind an option.
  public static func value(of option: String) -> String? {
    all.firstIndex(of: option).map { self[$0 + 1] }
  }
}
