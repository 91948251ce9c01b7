// What is said of a text that does not name the moment, span, path or digest it should.
//
// Invariant: the message shows the text, says what is wrong with it, and how to write it right.

/// A text is not what it should be.
package struct TextError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text as given; shown cut after 64 characters.
    package var text: String
    /// What is wrong and what would be right, as the end of a sentence that begins with the text.
    package var problem: String

    package init(text: String, problem: String) {
        self.text = text
        self.problem = problem
    }

    package var description: String { "\"\(text.prefix(64))\" \(problem)" }
}
