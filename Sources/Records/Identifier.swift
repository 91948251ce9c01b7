// The numbers by which people and clients name things: workspace 7, pipeline 6, assay 9.
//
// Each kind counts for itself from 1 and never gives a number twice. Two kinds are two types,
// because the contract often puts two of them side by side in one request.
//
// Invariant: an identifier of one kind cannot stand where another is wanted.

/// A number that names one thing of its kind.
package struct Identifier<Kind>: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let number: Int

    /// Takes any number: whether something has it is the catalog's to know.
    package init(_ number: Int) { self.number = number }

    package static func < (left: Identifier, right: Identifier) -> Bool {
        left.number < right.number
    }

    package var description: String { String(number) }
}

/// The kinds; they have no values.
package enum IdentifierKind {
    package enum Workspace {}
    package enum Model {}
    package enum ModelVersion {}
    package enum Pipeline {}
    package enum PipelineVersion {}
    package enum Deployment {}
    package enum Assay {}
    package enum AssayResult {}
}

package typealias WorkspaceID = Identifier<IdentifierKind.Workspace>
/// A model: a name in a workspace, with all its versions.
package typealias ModelID = Identifier<IdentifierKind.Model>
package typealias ModelVersionID = Identifier<IdentifierKind.ModelVersion>
/// A pipeline: a name in a workspace, with all its versions.
package typealias PipelineID = Identifier<IdentifierKind.Pipeline>
package typealias PipelineVersionID = Identifier<IdentifierKind.PipelineVersion>
package typealias DeploymentID = Identifier<IdentifierKind.Deployment>
package typealias AssayID = Identifier<IdentifierKind.Assay>
package typealias AssayResultID = Identifier<IdentifierKind.AssayResult>
