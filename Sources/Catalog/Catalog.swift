// The control events folded: which workspaces, models, pipelines and deployments there are.
//
// The catalogue is a projection: fold the log's control events from the first to the last and it
// is there again. Commands (Catalog+Commands.swift) never change it; they return the event to
// append, and once that is durable it is applied.
//
// Invariants:
//  * The same events in the same order give the same catalogue.
//  * Folding the last events again changes nothing, so a fold may begin before where it stood.
//  * Numbers count from 1 for each kind and are never given twice.

import Bytes
import Records

/// What there is, by number. A copy is a view.
package struct Catalog: Hashable, Sendable {
    package private(set) var workspaces = NumberedTable<Workspace>()
    package private(set) var modelVersions = NumberedTable<ModelVersion>()
    package private(set) var pipelines = NumberedTable<Pipeline>()
    package private(set) var pipelineVersions = NumberedTable<PipelineVersion>()
    /// Those that are not deployed any more, too: they keep their numbers.
    package private(set) var deployments = NumberedTable<Deployment>()
    /// The greatest model number given; a model has no table of its own, only versions.
    package private(set) var lastModelID = ModelID(0)

    /// Before the first event.
    package init() {}

    /// Folds one event in.
    ///
    /// An event about something that is not there (its control events were not folded) is passed
    /// over: what it changes is not there to be changed.
    package mutating func apply(_ event: CatalogEvent) {
        switch event {
        case .workspaceCreated(let workspace): workspaces[workspace.id] = workspace
        case .modelVersionAdded(let version):
            modelVersions[version.id] = version
            lastModelID = max(lastModelID, version.modelID)
        case .pipelineVersionCreated(let creation): apply(creation)
        case .deployed(let deployment):
            deployments[deployment.id] = deployment
            let models = deployment.modelVersionIDs.compactMap { modelVersions[$0] }
            pipelines[deployment.pipelineID]?.float32Fields.formUnion(
                Set(exactly: models.flatMap(\.float32Outputs)))
        case .undeployed(let id, let at):
            deployments[id]?.isDeployed = false
            deployments[id]?.updatedAt = at
        case .locationDeclared(let id, let name, _):
            guard pipelines[id]?.locations.contains(name) == false else { return }
            pipelines[id]?.locations.append(name)
            pipelines[id]?.locations.sort()
        case .float32Declared(let id, let fields, _):
            pipelines[id]?.float32Fields.formUnion(Set(exactly: fields))
        }
    }

    private mutating func apply(_ creation: PipelineVersionCreation) {
        let version = creation.version
        guard pipelineVersions[version.id] == nil else { return }
        pipelineVersions[version.id] = version
        if pipelines[version.pipelineID] == nil {
            pipelines[version.pipelineID] = Pipeline(
                id: version.pipelineID, workspaceID: creation.workspaceID,
                name: creation.pipelineName, versionIDs: [], locations: [])
        }
        pipelines[version.pipelineID]?.versionIDs.append(version.id)
        let models = version.definition.models.compactMap { modelVersion($0) }
        pipelines[version.pipelineID]?.float32Fields.formUnion(
            Set(exactly: models.flatMap(\.float32Outputs)))
    }
}

/// A thing that has a number of its kind.
package protocol Numbered: Hashable, Sendable {
    associatedtype Kind
    var id: Identifier<Kind> { get }
}

extension Workspace: Numbered {}
extension ModelVersion: Numbered {}
extension Pipeline: Numbered {}
extension PipelineVersion: Numbered {}
extension Deployment: Numbered {}

/// Things of one kind, found by their numbers.
package struct NumberedTable<Element: Numbered>: Hashable, Sendable {
    /// Ascending by number.
    package private(set) var all: [Element] = []

    /// Without elements; the first number is 1.
    package init() {}

    /// What is set for a number must have it.
    package internal(set) subscript(id: Identifier<Element.Kind>) -> Element? {
        get {
            let position = position(of: id)
            return position < all.count && all[position].id == id ? all[position] : nil
        }
        set {
            precondition(newValue == nil || newValue?.id == id, "A thing stands under its number.")
            let position = position(of: id)
            let isThere = position < all.count && all[position].id == id
            switch (newValue, isThere) {
            case (let element?, true): all[position] = element
            case (let element?, false): all.insert(element, at: position)
            case (nil, true): all.remove(at: position)
            case (nil, false): break
            }
        }
    }

    /// The number that the next of this kind gets.
    package var next: Identifier<Element.Kind> { Identifier((all.last?.id.number ?? 0) + 1) }

    /// The first position whose number is `id` or greater.
    private func position(of id: Identifier<Element.Kind>) -> Int {
        // New things have the greatest number, so most insertions end here.
        guard let last = all.last, id <= last.id else { return all.count }
        return all.partitionPoint { $0.id >= id }
    }
}
