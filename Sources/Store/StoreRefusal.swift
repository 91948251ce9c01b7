// The caller asks for what cannot be: said with what, where and what to do, and nothing is stored.

/// A request that the store refuses, apart from fields (FieldError), catalogue (CatalogError),
/// models (ServingError) and the log (LogError).
package struct StoreRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// Who is to do what: the network room turns it into a status.
    package enum Kind: Hashable, Sendable {
        /// The request cannot be carried out as it stands.
        case invalid
        /// What it names does not exist.
        case unknown
        /// What it asks for was there, and was let go.
        case gone
        /// It asks for something larger than the limit.
        case tooLarge
        /// It would work at another time: the remedy is in the text.
        case unavailable
    }

    package var kind: Kind
    package var description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
