// The rooms of the library, which are its folders, and who speaks of whom: what each declares, and where else it is named.
//
// Looked for are types and functions that stand alone, and members that a room adds to another room's type by an extension.
// What is private is nobody's business, and a name that a room declares itself, at whatever depth, is its own.

import Foundation

struct House {
  struct Source {
    let room: String
    let name: String
    let text: String
  }

  /// A name of one room's, used in another.
  struct Reference: Hashable {
    let from: String
    let to: String
    let name: String
    let file: String
  }

  private(set) var references: Set<Reference> = []
  /// Types, and what stands alone, that more than one room declares: of those nobody could tell which is meant.
  private(set) var ambiguous: Set<String> = []

  private struct Declarations {
    /// By name: which rooms declare it for others to use.
    var visible: [String: Set<String>] = [:]
    /// By name: which rooms add it to a type of another's.
    var added: [String: Set<String>] = [:]
    /// By room: every name it declares.
    var own: [String: Set<String>] = [:]
  }

  init(_ sources: [Source]) {
    let scanned = sources.map { ($0, SourceWords($0.text).words) }
    var declarations = Declarations()
    var extensions: [(room: String, of: String, member: String)] = []
    for (source, words) in scanned {
      Self.declare(words, of: source.room, &declarations, &extensions)
    }
    for (room, type, member) in extensions {
      guard let homes = declarations.visible[type], !homes.contains(room) else { continue }
      declarations.added[member, default: []].insert(room)
    }
    for (source, words) in scanned {
      for word in words {
        refer(to: word, in: source, declarations)
      }
    }
    ambiguous = Set(declarations.visible.filter { $0.value.count > 1 }.keys)
  }

  private mutating func refer(
    to word: SourceWords.Word, in source: Source, _ declarations: Declarations
  ) {
    if declarations.own[source.room]?.contains(word.text) == true { return }
    var rooms = declarations.visible[word.text] ?? []
    if rooms.isEmpty {
      rooms = declarations.added[word.text] ?? []
      // Another room has something of that name too: it cannot be told which is meant.
      if rooms.count != 1 || declarations.own.values.count(where: { $0.contains(word.text) }) > 1 {
        return
      }
    }
    for room in rooms where room != source.room {
      references.insert(
        Reference(from: source.room, to: room, name: word.text, file: source.name))
    }
  }

  private static let types: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]
  private static let values: Set = ["func", "var", "let", "case"]

  private static func declare(
    _ words: [SourceWords.Word], of room: String, _ declarations: inout Declarations,
    _ extensions: inout [(room: String, of: String, member: String)]
  ) {
    var extended: String?
    var isPrivate = false
    for (word, next) in zip(words, words.dropFirst()) {
      switch word.text {
      case _ where word.isMember: continue
      case "private", "fileprivate": isPrivate = next.text != "set"
      case "extension":
        extended = next.text
        isPrivate = false
      case "}" where word.depth == 0: extended = nil
      case let keyword where types.contains(keyword) || values.contains(keyword):
        // `class func`, and the patterns of a switch: `case let error`, `case AioError.stopped`.
        if types.contains(next.text) || values.contains(next.text) || next.isMember { continue }
        if keyword == "case" && next.text.first?.isUppercase == true { continue }
        declarations.own[room, default: []].insert(next.text)
        let isType = types.contains(keyword)
        if !isPrivate && keyword != "case" {
          if word.depth == 0 || isType && word.depth == 1 && extended != nil {
            declarations.visible[next.text, default: []].insert(room)
          } else if word.depth == 1, let extended {
            extensions.append((room, extended, next.text))
          }
        }
        isPrivate = false
      default: continue
      }
    }
  }
}

extension House {
  /// The library as it stands.
  static func library() throws -> [Source] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Sources/AioGSource")
    let paths = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String }
    return try (paths ?? []).filter { $0.hasSuffix(".swift") }.sorted().map { path in
      Source(
        room: String(path.prefix { $0 != "/" }), name: path,
        text: try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8))
    }
  }
}
