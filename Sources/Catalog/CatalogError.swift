// Why a catalogue command was refused.
//
// Invariants:
//  * Every refusal names the request's field, says what was found, and what to do next.
//  * A refused command has no event, so nothing of it is in the log.

/// A command that cannot be carried out on the catalogue as it stands.
package struct CatalogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of refusal; the network room turns it into a status.
    package enum Kind: Hashable, Sendable {
        /// The request contradicts itself or breaks a rule for names.
        case invalid
        /// What the request names does not exist.
        case unknown
        /// The name is taken.
        case duplicate
        /// The name stands for several things.
        case ambiguous
    }

    package var kind: Kind
    /// The request's field, by its name in the contract, as `pipeline_version_pk_id`.
    package var field: String
    /// What is wrong and what to do, as the end of a sentence that begins with the field.
    package var problem: String

    package init(_ kind: Kind, field: String, _ problem: String) {
        self.kind = kind
        self.field = field
        self.problem = problem
    }

    package var description: String { "field \"\(field)\" \(problem)" }
}
