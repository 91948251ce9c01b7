// What the log says of workspaces, models, pipelines and deployments, and how it is written there.
//
// An event holds all that the fold needs, numbers included: a number is decided once, when the
// command is carried out, and never again. As JSON an event is an object whose `kind` names it;
// members that a later version adds are passed over by this one.
//
// Invariants:
//  * `CatalogEvent(JSONField(event.json))` gives back every event.
//  * A kind that is not known is refused by name, not passed over: the fold would be wrong.

import JSON
import Records

/// A fact about the catalogue, as the log holds it.
package enum CatalogEvent: Hashable, Sendable {
    case workspaceCreated(Workspace)
    /// Its model exists from its first version on.
    case modelVersionAdded(ModelVersion)
    /// Its pipeline exists from its first version on.
    case pipelineVersionCreated(PipelineVersionCreation)
    case deployed(Deployment)
    case undeployed(DeploymentID, at: Timestamp)
    case locationDeclared(PipelineID, name: String, at: Timestamp)
    /// Fields of the pipeline's records hold float32 numbers.
    case float32Declared(PipelineID, fields: [String], at: Timestamp)
}

/// A version, and the pipeline it belongs to or begins.
package struct PipelineVersionCreation: Hashable, Sendable {
    package var pipelineName: String
    package var workspaceID: WorkspaceID
    package var createdBy: String
    package var version: PipelineVersion

    package init(
        pipelineName: String, workspaceID: WorkspaceID, createdBy: String,
        version: PipelineVersion
    ) {
        self.pipelineName = pipelineName
        self.workspaceID = workspaceID
        self.createdBy = createdBy
        self.version = version
    }
}

// MARK: As JSON

extension CatalogEvent {
    /// The event's document: its `kind` first, then its members.
    package var json: JSONValue {
        switch self {
        case .workspaceCreated(let workspace):
            .object(
                ("kind", .string("workspace_created")), ("id", .identifier(workspace.id)),
                ("name", .string(workspace.name)), ("created_by", .string(workspace.createdBy)),
                ("at", .zulu(workspace.createdAt)))
        case .modelVersionAdded(let version): version.addition
        case .pipelineVersionCreated(let creation):
            .object(
                ("kind", .string("pipeline_version_created")),
                ("id", .identifier(creation.version.id)),
                ("pipeline_id", .identifier(creation.version.pipelineID)),
                ("pipeline_name", .string(creation.pipelineName)),
                ("workspace_id", .identifier(creation.workspaceID)),
                ("version", .string(creation.version.version)),
                ("definition", creation.version.definition.json),
                ("created_by", .string(creation.createdBy)),
                ("at", .zulu(creation.version.createdAt)))
        case .deployed(let deployment):
            .object(
                ("kind", .string("deployed")), ("id", .identifier(deployment.id)),
                ("name", .string(deployment.name)),
                ("pipeline_id", .identifier(deployment.pipelineID)),
                ("pipeline_version_id", .identifier(deployment.pipelineVersionID)),
                ("model_version_ids", .array(deployment.modelVersionIDs.map { .identifier($0) })),
                ("engine_config", deployment.engineConfiguration),
                ("created_at", .zulu(deployment.createdAt)), ("at", .zulu(deployment.updatedAt)))
        case .undeployed(let id, let at):
            .object(
                ("kind", .string("undeployed")), ("id", .identifier(id)), ("at", .zulu(at)))
        case .locationDeclared(let pipelineID, let name, let at):
            .object(
                ("kind", .string("location_declared")), ("pipeline_id", .identifier(pipelineID)),
                ("name", .string(name)), ("at", .zulu(at)))
        case .float32Declared(let pipelineID, let fields, let at):
            .object(
                ("kind", .string("float32_declared")), ("pipeline_id", .identifier(pipelineID)),
                ("fields", .array(fields.map { .string($0) })), ("at", .zulu(at)))
        }
    }

    /// Reads an event's document; throws for a kind that is not known.
    package init(_ json: JSONField) throws(FieldError) {
        let kind = try json["kind"].string()
        switch kind {
        case "workspace_created":
            self = .workspaceCreated(
                Workspace(
                    id: try json["id"].identifier(), name: try json["name"].string(),
                    createdBy: try json["created_by"].string(),
                    createdAt: try json["at"].timestamp()))
        case "model_version_added": self = .modelVersionAdded(try ModelVersion(addition: json))
        case "pipeline_version_created":
            self = .pipelineVersionCreated(
                PipelineVersionCreation(
                    pipelineName: try json["pipeline_name"].string(),
                    workspaceID: try json["workspace_id"].identifier(),
                    createdBy: try json["created_by"].string(),
                    version: PipelineVersion(
                        id: try json["id"].identifier(),
                        pipelineID: try json["pipeline_id"].identifier(),
                        version: try json["version"].string(),
                        definition: try PipelineDefinition(json["definition"]),
                        createdAt: try json["at"].timestamp())))
        case "deployed": self = .deployed(try Deployment(deployed: json))
        case "undeployed":
            self = .undeployed(try json["id"].identifier(), at: try json["at"].timestamp())
        case "location_declared":
            self = .locationDeclared(
                try json["pipeline_id"].identifier(), name: try json["name"].string(),
                at: try json["at"].timestamp())
        case "float32_declared":
            var fields: [String] = []
            for field in try json["fields"].array() { fields.append(try field.string()) }
            self = .float32Declared(
                try json["pipeline_id"].identifier(), fields: fields, at: try json["at"].timestamp())
        default:
            throw json["kind"].refused(
                "is \"\(kind)\", an event that this version does not know; use a newer version")
        }
    }
}

extension ModelVersion {
    fileprivate var addition: JSONValue {
        .object(
            ("kind", .string("model_version_added")), ("id", .identifier(id)),
            ("model_id", .identifier(modelID)), ("workspace_id", .identifier(workspaceID)),
            ("name", .string(name)), ("version", .string(version)),
            ("sha256", .string(contents.sha256)), ("file_name", .string(contents.fileName)),
            ("byte_count", .integer(contents.byteCount)),
            ("framework", .string(contents.framework)),
            ("visibility", .string(contents.visibility.rawValue)),
            ("conversion", contents.conversion),
            ("input_signature", contents.inputSignature),
            ("output_signature", contents.outputSignature), ("status", .string(status.rawValue)),
            // For the reason of another status, of which there is none.
            ("error_summary", .null), ("created_by", .string(createdBy)), ("at", .zulu(createdAt)))
    }

    fileprivate init(addition json: JSONField) throws(FieldError) {
        self.init(
            id: try json["id"].identifier(), modelID: try json["model_id"].identifier(),
            workspaceID: try json["workspace_id"].identifier(),
            name: try json["name"].string(), version: try json["version"].string(),
            contents: ModelContents(
                sha256: try json["sha256"].string(), fileName: try json["file_name"].string(),
                byteCount: try json["byte_count"].integer(),
                framework: try json["framework"].string(),
                visibility: try json["visibility"].word(),
                conversion: json["conversion"].value ?? .null,
                inputSignature: json["input_signature"].value ?? .null,
                outputSignature: json["output_signature"].value ?? .null),
            status: try json["status"].word(), createdBy: try json["created_by"].string(),
            createdAt: try json["at"].timestamp())
    }
}

extension Deployment {
    fileprivate init(deployed json: JSONField) throws(FieldError) {
        var modelVersionIDs: [ModelVersionID] = []
        for element in try json["model_version_ids"].array() {
            modelVersionIDs.append(try element.identifier())
        }
        self.init(
            id: try json["id"].identifier(), name: try json["name"].string(),
            pipelineID: try json["pipeline_id"].identifier(),
            pipelineVersionID: try json["pipeline_version_id"].identifier(),
            modelVersionIDs: modelVersionIDs,
            engineConfiguration: json["engine_config"].value ?? .null,
            createdAt: try json["created_at"].timestamp(), updatedAt: try json["at"].timestamp())
    }
}
