// What can be asked of the catalogue: each command returns the event to append, or refuses.
//
//     request ──► command ──► event ──► the log ──► durable ──► apply ──► answer
//
// Nothing changes here, so a command may be tried on any catalogue. Two commands at once could be
// given the same number; the caller carries them out one after the other.
//
// Invariants:
//  * An event that a command returned can be applied: all it refers to is in the catalogue.
//  * A refusal names the request's field, and the existing number where a name is taken.

import Bytes
import JSON
import Records

extension Catalog {
    /// Who creates things, until requests are authenticated.
    package static let defaultUser = "00000000-0000-0000-0000-000000000000"

    // MARK: Workspaces

    /// A new workspace; throws for a name that is not allowed (`CatalogName`) or taken.
    package func createWorkspace(
        name: String, createdBy: String, at moment: Timestamp
    ) throws(CatalogError) -> CatalogEvent {
        try CatalogName.check(name, field: "workspace_name")
        if let existing = workspace(named: name) {
            throw CatalogError(
                .duplicate, field: "workspace_name",
                "is \"\(name)\", which workspace \(existing.id) is called already; "
                    + "use that one or another name")
        }
        return .workspaceCreated(
            Workspace(id: workspaces.next, name: name, createdBy: createdBy, createdAt: moment))
    }

    // MARK: Models

    /// A new version of the model `name`, which begins with its first version.
    ///
    /// `version` is a fresh UUID.
    package func addModelVersion(
        name: String, in workspaceID: WorkspaceID, version: String, contents: ModelContents,
        createdBy: String, at moment: Timestamp
    ) throws(CatalogError) -> CatalogEvent {
        try CatalogName.check(name, field: "name")
        try requireWorkspace(workspaceID)
        let siblings = modelVersions(in: workspaceID).filter { $0.name == name }
        return .modelVersionAdded(
            ModelVersion(
                id: modelVersions.next,
                modelID: siblings.first?.modelID ?? ModelID(lastModelID.number + 1),
                workspaceID: workspaceID, name: name, version: version, contents: contents,
                status: .ready, createdBy: createdBy, createdAt: moment))
    }

    // MARK: Pipelines

    /// A new version of the pipeline `name`, which begins with its first version.
    ///
    /// `version` is a fresh UUID. The definition's models need not exist before it is deployed.
    package func createPipeline(
        name: String, in workspaceID: WorkspaceID, definition: PipelineDefinition,
        version: String, createdBy: String, at moment: Timestamp
    ) throws(CatalogError) -> CatalogEvent {
        // The contract calls a pipeline's name `pipeline_id` here.
        try CatalogName.check(name, field: "pipeline_id")
        try requireWorkspace(workspaceID)
        let existing = pipelines(in: workspaceID).first { $0.name == name }
        return .pipelineVersionCreated(
            PipelineVersionCreation(
                pipelineName: name, workspaceID: workspaceID, createdBy: createdBy,
                version: PipelineVersion(
                    id: pipelineVersions.next, pipelineID: existing?.id ?? pipelines.next,
                    version: version, definition: definition, createdAt: moment)))
    }

    /// Says that a partition of the pipeline is an edge location; nil where it is one already.
    package func declareLocation(
        _ name: String, of pipelineID: PipelineID, at moment: Timestamp
    ) throws(CatalogError) -> CatalogEvent? {
        try CatalogName.check(name, field: "location")
        let pipeline = try requirePipeline(pipelineID)
        return pipeline.locations.contains(name)
            ? nil : .locationDeclared(pipelineID, name: name, at: moment)
    }

    /// Says that fields of the pipeline's records hold float32 numbers; nil where all are known to.
    package func declareFloat32(
        _ fields: [String], of pipelineID: PipelineID, at moment: Timestamp
    ) throws(CatalogError) -> CatalogEvent? {
        let pipeline = try requirePipeline(pipelineID)
        for field in fields where field.isEmpty || field.utf8.count > RecordLimits.nameByteCountMax {
            throw CatalogError(
                .invalid, field: "float32",
                "must name fields of records, such as out.score, in 1 to "
                    + "\(RecordLimits.nameByteCountMax) bytes each")
        }
        let named = Set<ExactText>(exactly: fields)
        return pipeline.float32Fields.isSuperset(of: named)
            ? nil : .float32Declared(pipelineID, fields: named.sorted().map(\.text), at: moment)
    }

    // MARK: Deployments

    /// Deploys a pipeline version, under the number that this pipeline's deployment `name` has.
    ///
    /// `models` nil or empty stands for the models of the version's definition. `pipelineID`, where
    /// it is given, must be the version's pipeline.
    package func deploy(
        name: String, pipelineVersionID: PipelineVersionID, pipelineID: PipelineID? = nil,
        models: [ModelReference]? = nil, engineConfiguration: JSONValue = .null,
        at moment: Timestamp
    ) throws(CatalogError) -> CatalogEvent {
        try CatalogName.check(name, field: "deploy_id")
        guard let version = pipelineVersions[pipelineVersionID] else {
            throw CatalogError(
                .unknown, field: "pipeline_version_pk_id",
                "is \(pipelineVersionID), and there is no such pipeline version; "
                    + "create the pipeline first")
        }
        if let pipelineID, pipelineID != version.pipelineID {
            try requirePipeline(pipelineID)
            throw CatalogError(
                .invalid, field: "pipeline_id",
                "is \(pipelineID), but version \(pipelineVersionID) belongs to pipeline "
                    + "\(version.pipelineID); give one pipeline and its version")
        }
        let named = models ?? []
        let references = named.isEmpty ? version.definition.models : named
        let field = named.isEmpty ? "pipeline_version_pk_id" : "models"
        var modelVersionIDs: [ModelVersionID] = []
        for reference in references {
            modelVersionIDs.append(try deployableVersion(reference, field: field))
        }
        let existing = deployments.all.first {
            $0.name == name && $0.pipelineID == version.pipelineID
        }
        return .deployed(
            Deployment(
                id: existing?.id ?? deployments.next, name: name, pipelineID: version.pipelineID,
                pipelineVersionID: pipelineVersionID, modelVersionIDs: modelVersionIDs,
                engineConfiguration: engineConfiguration,
                createdAt: existing?.createdAt ?? moment, updatedAt: moment))
    }

    /// Ends a deployment, or all of a pipeline's; no events where nothing of it is deployed.
    package func undeploy(
        deploymentID: DeploymentID? = nil, pipelineID: PipelineID? = nil, at moment: Timestamp
    ) throws(CatalogError) -> [CatalogEvent] {
        if let deploymentID {
            guard let deployment = deployments[deploymentID],
                pipelineID == nil || deployment.pipelineID == pipelineID
            else {
                let place = pipelineID.map { " of pipeline \($0)" } ?? ""
                throw CatalogError(
                    .unknown, field: "deployment_id",
                    "is \(deploymentID), and there is no such deployment\(place)")
            }
            return deployment.isDeployed ? [.undeployed(deploymentID, at: moment)] : []
        }
        guard let pipelineID else {
            throw CatalogError(
                .invalid, field: "deployment_id",
                "is missing, and so is \"pipeline_id\"; give one of them")
        }
        try requirePipeline(pipelineID)
        return deployments.all.filter { $0.pipelineID == pipelineID && $0.isDeployed }
            .map { .undeployed($0.id, at: moment) }
    }

    private func deployableVersion(
        _ reference: ModelReference, field: String
    ) throws(CatalogError) -> ModelVersionID {
        guard let version = modelVersion(reference) else {
            let known = modelVersions(named: reference.name, modelID: nil)
            let hint =
                known.last.map { "its newest version is \($0.version)" }
                ?? "no model has that name; upload it first"
            throw CatalogError(
                .unknown, field: field,
                "names version \"\(reference.version)\" of model \"\(reference.name)\", "
                    + "which does not exist: \(hint)")
        }
        if let sha256 = reference.sha256, sha256 != version.contents.sha256 {
            throw CatalogError(
                .invalid, field: field,
                "says that model \"\(reference.name)\" has the hash \(sha256), but version "
                    + "\(version.version) has \(version.contents.sha256); give that one")
        }
        return version.id
    }
}
