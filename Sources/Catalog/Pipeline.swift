// Pipelines, their versions, and what of them is deployed.
//
// A pipeline is a name in a workspace; creating it again adds a version. A definition is kept as
// posted: of its steps only `ModelInference` concerns us, the models whose answers are logged.
//
// Invariants:
//  * Versions of one pipeline share its number; the newest is the last.
//  * A deployment keeps its number for as long as its pipeline has that deployment name, through
//    any number of deployments and undeployments: URLs that clients hold stay good.
//  * A deployment's models are versions that existed when it was deployed.

import Bytes
import JSON
import Records

/// A name in a workspace under which records are kept; it is there from its first version on.
package struct Pipeline: Hashable, Sendable {
    package let id: PipelineID
    package let workspaceID: WorkspaceID
    package let name: String
    /// Ascending; the last is the newest.
    package internal(set) var versionIDs: [PipelineVersionID]
    /// Partitions that are edge locations, ascending. All others are home.
    package internal(set) var locations: [String]
    /// Fields whose numbers are float32, in whatever form they come: the outputs of its models, and
    /// what was declared.
    package internal(set) var float32Fields: Set<ExactText> = []

    /// Where its records are; it may hold none.
    package var topic: PipelineTopic {
        PipelineTopic(workspaceID: workspaceID, pipelineName: name)
    }
}

/// One definition of a pipeline; it never changes.
package struct PipelineVersion: Hashable, Sendable {
    package let id: PipelineVersionID
    package let pipelineID: PipelineID
    /// The version's UUID.
    package let version: String
    package let definition: PipelineDefinition
    package let createdAt: Timestamp

    package init(
        id: PipelineVersionID, pipelineID: PipelineID, version: String,
        definition: PipelineDefinition, createdAt: Timestamp
    ) {
        self.id = id
        self.pipelineID = pipelineID
        self.version = version
        self.definition = definition
        self.createdAt = createdAt
    }
}

/// A pipeline version's steps, as posted.
package struct PipelineDefinition: Hashable, Sendable {
    /// An object, or null.
    package let json: JSONValue
    /// The models of the `ModelInference` steps, in order.
    package let models: [ModelReference]

    /// Reads `definition`: null, `{}` or `{"steps":[…]}`; members and steps we do not know are kept.
    package init(_ definition: JSONField) throws(FieldError) {
        json = definition.value ?? .null
        var models: [ModelReference] = []
        if definition.isPresent {
            _ = try definition.object()
            for step in try definition["steps"].optional?.array() ?? [] {
                guard let found = step["ModelInference"].optional else { continue }
                for model in try found["models"].array() {
                    models.append(try ModelReference(model))
                }
            }
        }
        self.models = models
    }
}

/// A model version as requests and definitions name it.
package struct ModelReference: Hashable, Sendable {
    package var name: String
    /// The version's UUID.
    package var version: String
    /// SHA-256 of the file; nil where the request leaves it out.
    package var sha256: String?
}

extension ModelReference {
    /// Reads `{"name", "version", "sha"}`.
    package init(_ json: JSONField) throws(FieldError) {
        name = try json["name"].string()
        version = try json["version"].string()
        sha256 = try json["sha"].optional?.string()
    }
}

/// A pipeline version made ready for inferences under a name.
package struct Deployment: Hashable, Sendable {
    package let id: DeploymentID
    /// The contract's `deploy_id`: nearly always the pipeline's name.
    package let name: String
    package let pipelineID: PipelineID
    package let pipelineVersionID: PipelineVersionID
    /// In the order of the request or, where that named none, of the definition.
    package let modelVersionIDs: [ModelVersionID]
    /// As posted; null where none was.
    package let engineConfiguration: JSONValue
    package internal(set) var isDeployed: Bool
    /// When this number was deployed first.
    package let createdAt: Timestamp
    /// When it was deployed or undeployed last.
    package internal(set) var updatedAt: Timestamp

    /// A deployment that is deployed; only the fold changes `isDeployed`.
    package init(
        id: DeploymentID, name: String, pipelineID: PipelineID,
        pipelineVersionID: PipelineVersionID, modelVersionIDs: [ModelVersionID],
        engineConfiguration: JSONValue, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.name = name
        self.pipelineID = pipelineID
        self.pipelineVersionID = pipelineVersionID
        self.modelVersionIDs = modelVersionIDs
        self.engineConfiguration = engineConfiguration
        self.isDeployed = true
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// The name with the number, as `fraud-3`: what status requests and URLs call it.
    package var fullName: String { "\(name)-\(id)" }
}
