// What can be wrong with a text that claims to be JSON.

/// A text is not the JSON that was wanted.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes from the start of the text.
    package var offset: Int
    /// What was wanted there, and what was found.
    package var problem: String

    package init(offset: Int, problem: String) {
        self.offset = offset
        self.problem = problem
    }

    package var description: String { "malformed JSON at byte \(offset): \(problem)" }
}
