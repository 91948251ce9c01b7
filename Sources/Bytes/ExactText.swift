// Texts that are equal where their bytes are.
//
// Swift compares strings by meaning: "é" in one scalar and "e" with an accent behind it are equal, and one
// key of a dictionary. What people post is bytes: both may be fields of one record, and then they are two.
// So what records hold, and whatever names it (fields, paths, members of objects, models and versions in
// metadata), is compared here. Names under which records are kept (workspaces, pipelines, topics,
// partitions) are compared by meaning: nobody could tell two of them apart.
//
// Invariant: two are equal exactly where their UTF-8 is.

import Glibc

/// A text as a key, or as a property whose owner is compared by its bytes.
@propertyWrapper
package struct ExactText: Hashable, Sendable {
    package var wrappedValue: String

    package init(wrappedValue: String) { self.wrappedValue = wrappedValue }

    package init(_ text: String) { wrappedValue = text }

    package var text: String { wrappedValue }

    package static func == (left: ExactText, right: ExactText) -> Bool {
        left.wrappedValue.isExactly(right.wrappedValue)
    }

    /// A text that may be missing, as a property.
    @propertyWrapper
    package struct OrNone: Hashable, Sendable {
        private var text: ExactText?

        package init(wrappedValue: String?) { text = wrappedValue.map { ExactText($0) } }

        package var wrappedValue: String? {
            get { text?.wrappedValue }
            set { text = newValue.map { ExactText($0) } }
        }
    }
}

extension ExactText: Comparable {
    /// As Swift orders strings, and those it takes for equal by their bytes.
    package static func < (left: ExactText, right: ExactText) -> Bool {
        left.text == right.text
            ? left.text.utf8.lexicographicallyPrecedes(right.text.utf8) : left.text < right.text
    }
}

extension Set<ExactText> {
    /// The texts as keys; two that Swift takes for equal and whose bytes differ are two.
    ///
    /// Of an array, and no sequence: what is generic in another room has its types put together as the process runs,
    /// which was a tenth of opening a store.
    package init(exactly texts: [String]) {
        self.init(minimumCapacity: texts.count)
        for text in texts { insert(ExactText(text)) }
    }
}

extension ExactText: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { wrappedValue = text }
}

extension String {
    /// Whether the bytes are the same.
    package func isExactly(_ other: String) -> Bool {
        let isSame = utf8.withContiguousStorageIfAvailable { mine in
            other.utf8.withContiguousStorageIfAvailable { theirs in
                guard mine.count == theirs.count else { return false }
                // Only what is empty has no address.
                guard let mine = mine.baseAddress, let theirs = theirs.baseAddress else { return true }
                return memcmp(mine, theirs, utf8.count) == 0
            }
        }
        return isSame.flatMap { $0 } ?? utf8.elementsEqual(other.utf8)
    }

    /// Whether the bytes begin with those of `prefix`, though an accent may follow.
    package func hasExactPrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }
}

extension String? {
    /// Whether both are missing, or have the same bytes.
    package func isExactly(_ other: String?) -> Bool {
        switch (self, other) {
        case (nil, nil): true
        case (let text?, let other?): text.isExactly(other)
        default: false
        }
    }
}
