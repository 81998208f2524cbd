// Traps, in a process of their own.

import Testing

/// Checks that a process that was expected to fail said why.
func expectSentence(
  _ sentence: String, in result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
) {
  let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  #expect(
    text.contains(sentence), "the sentence is missing in: \(text.prefix(600))",
    sourceLocation: sourceLocation)
}
