// What an append says of its pipeline besides its records: that some of their fields are float32 numbers, that
// their partition is an edge.
//
// Invariant: it is committed with the records, or not at all: what is refused declares nothing.

import Bytes
import Catalog
import Records

/// What an append declares of its pipeline.
package struct RecordDeclaration: Sendable {
    package var pipelineID: PipelineID
    /// Fields whose numbers are float32.
    package var float32Fields: [String]
    /// Whether the records' partition is an edge location, not home.
    package var isFromEdge: Bool

    package init(of pipelineID: PipelineID, float32Fields: [String] = [], isFromEdge: Bool = false) {
        self.pipelineID = pipelineID
        self.float32Fields = float32Fields
        self.isFromEdge = isFromEdge
    }

    /// Whether all of it was declared before.
    package func isKnown(to catalog: Catalog, of partition: String) -> Bool {
        guard let pipeline = catalog.pipelines[pipelineID] else { return false }
        return pipeline.float32Fields.isSuperset(of: Set(exactly: float32Fields))
            && (!isFromEdge || pipeline.locations.contains(partition))
    }

    /// What is new of it.
    func events(
        in catalog: Catalog, of partition: String, at moment: Timestamp
    ) throws(CatalogError) -> [CatalogEvent] {
        let fields = try catalog.declareFloat32(float32Fields, of: pipelineID, at: moment)
        let location =
            isFromEdge ? try catalog.declareLocation(partition, of: pipelineID, at: moment) : nil
        return [fields, location].compactMap { $0 }
    }
}
