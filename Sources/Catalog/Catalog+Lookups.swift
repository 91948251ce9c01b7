// Finding things in the catalogue by what clients call them.
//
// Clients name a pipeline by number, by name with a workspace, by name alone, or through a
// deployment's name. Names are unique in a workspace only, so a name alone may be ambiguous, and
// is then refused with the candidates: to guess would be to answer about somebody else's data.
//
// Invariants:
//  * A lookup by name alone never picks one of several.
//  * Lists are in the order of numbers, which is the order of creation.

import Records

extension Catalog {
    /// The only one of the name; looks at all.
    package func workspace(named name: String) -> Workspace? {
        workspaces.all.first { $0.name == name }
    }

    /// Refuses a request whose `workspace_id` is the number of none.
    package func requireWorkspace(_ id: WorkspaceID) throws(CatalogError) {
        guard workspaces[id] != nil else {
            throw CatalogError(
                .unknown, field: "workspace_id", "is \(id), and there is no such workspace; create it first")
        }
    }

    /// The pipeline called `name`: in the workspace, or where that is nil, the only one of the name.
    ///
    /// `field` is the request's name for `name`.
    package func pipeline(
        named name: String, in workspaceID: WorkspaceID? = nil, field: String = "pipeline_name"
    ) throws(CatalogError) -> Pipeline {
        let found = pipelines.all.filter {
            $0.name == name && (workspaceID == nil || $0.workspaceID == workspaceID)
        }
        if found.count == 1 { return found[0] }
        guard found.isEmpty else {
            let places = found.map { "workspace \($0.workspaceID) (pipeline \($0.id))" }
            throw CatalogError(
                .ambiguous, field: field,
                "is \"\(name)\", a pipeline of \(places.joined(separator: " and of ")); "
                    + "give \"workspace_id\" as well")
        }
        let place = workspaceID.map { " in workspace \($0)" } ?? ""
        throw CatalogError(
            .unknown, field: field, "is \"\(name)\", and there is no such pipeline\(place)")
    }

    /// The pipeline whose number is the request's `field`.
    @discardableResult
    package func requirePipeline(
        _ id: PipelineID, field: String = "pipeline_id"
    ) throws(CatalogError) -> Pipeline {
        guard let pipeline = pipelines[id] else {
            throw CatalogError(
                .unknown, field: field, "is \(id), and there is no such pipeline; create it first")
        }
        return pipeline
    }

    /// By number; none where the workspace is not there.
    package func pipelines(in workspaceID: WorkspaceID) -> [Pipeline] {
        pipelines.all.filter { $0.workspaceID == workspaceID }
    }

    // MARK: Models

    /// The versions of the models of a workspace, oldest first.
    package func modelVersions(in workspaceID: WorkspaceID) -> [ModelVersion] {
        modelVersions.all.filter { $0.workspaceID == workspaceID }
    }

    /// The versions of a model, oldest first.
    ///
    /// Filtered by `modelID` where that is a model called `name` (or `name` is nil), else by name
    /// alone: clients are known to pass a version's number as the model's, and the service that
    /// they were written for looked at the name.
    package func modelVersions(named name: String?, modelID: ModelID?) -> [ModelVersion] {
        let all = modelVersions.all
        let ofModel = all.filter { $0.modelID == modelID && (name == nil || $0.name == name) }
        if modelID != nil, name == nil || !ofModel.isEmpty { return ofModel }
        return name == nil ? all : all.filter { $0.name == name }
    }

    /// The model version that `reference` names by name and UUID; nil where there is none.
    package func modelVersion(_ reference: ModelReference) -> ModelVersion? {
        modelVersions.all.first {
            $0.name == reference.name && $0.version == reference.version
        }
    }

    // MARK: Deployments

    /// The deployment called `fraud-3`; nil where its number has another name or none.
    package func deployment(fullName: String) -> Deployment? {
        guard let dash = fullName.lastIndex(of: "-"),
            let number = Int(fullName[fullName.index(after: dash)...]),
            let deployment = deployments[DeploymentID(number)], deployment.fullName == fullName
        else { return nil }
        return deployment
    }

    /// The pipeline's deployment that was last changed, one that is deployed before one that is not.
    package func deployment(of pipelineID: PipelineID) -> Deployment? {
        deployments.all.filter { $0.pipelineID == pipelineID }.max {
            ($0.isDeployed ? 1 : 0, $0.updatedAt) < ($1.isDeployed ? 1 : 0, $1.updatedAt)
        }
    }

    /// The path that inferences are posted to, as `/v1/api/pipelines/infer/fraud-3/fraud`; to be
    /// put behind the server's public address. Nil where the deployment's pipeline is not known.
    package func inferencePath(of deployment: Deployment) -> String? {
        pipelines[deployment.pipelineID].map {
            "/v1/api/pipelines/infer/\(CatalogName.pathComponent(deployment.fullName))/"
                + CatalogName.pathComponent($0.name)
        }
    }
}
