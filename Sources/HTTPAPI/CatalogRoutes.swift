// Workspaces, pipelines, deployments, and what the instance can do: the contract's control routes.
//
// Shapes and quirks: every route is a POST with a JSON body; absent optional fields are answered as
// explicit nulls; `pipeline_id` is a name in pipelines/create and a number everywhere else.

import Catalog
import HTTPTypes
import Hummingbird
import JSON
import Records
import Store

struct CatalogRoutes {
    let store: InferenceStore
    /// Stands before the paths in answers; nil answers with the address the client used.
    let publicURL: String?

    var routes: [Route] {
        [
            .post("/v1/api/features/list", featureList),
            .get("/v1/api/config", clientConfiguration),
            .post("/v1/api/workspaces/create", workspaceCreate),
            .post("/v1/api/workspaces/list", workspaceList),
            .post("/v1/api/pipelines/create", pipelineCreate),
            .post("/v1/api/pipelines/deploy", deploy),
            .post("/v1/api/pipelines/undeploy", undeploy),
            .post("/v1/api/admin/get_pipeline_external_url", externalURL),
            .post("/v1/api/status/get_deployment", deploymentStatus),
            .post("/v1/api/plateau/get_topic_name", topicName),
        ]
    }

    @Sendable func featureList(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try await request.json()
        return Response(
            json: .object(
                ("features", .object(("plateau", .string("true")))),
                ("name", .string(store.configuration.instanceName)), ("is_auth_enabled", .bool(false))))
    }

    /// What the SDK asks for when its client is made, before it shows who it is.
    @Sendable func clientConfiguration(_ request: Request, _ context: APIContext) async throws -> Response {
        #if arch(arm64)
            let architecture = "arm"
        #else
            let architecture = "x86"
        #endif
        return Response(json: .object(("default_arch", .string(architecture))))
    }

    // MARK: Workspaces

    @Sendable func workspaceCreate(_ request: Request, _ context: APIContext) async throws -> Response {
        let name = try await request.document()["workspace_name"].string()
        let events = try await store.change { catalog in
            [
                try catalog.createWorkspace(
                    name: name, createdBy: Catalog.defaultUser, at: store.sources.now())
            ]
        }
        guard case .workspaceCreated(let workspace)? = events.first else {
            preconditionFailure("Creating a workspace is one event.")
        }
        return Response(json: .object(("workspace_id", .identifier(workspace.id))))
    }

    @Sendable func workspaceList(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try await request.document()["user_id"].optional?.string()
        let catalog = store.catalog
        let workspaces = catalog.workspaces.all.map { workspace -> JSONValue in
            // A model is listed once, by its own number.
            var modelIDs: [ModelID] = []
            for version in catalog.modelVersions(in: workspace.id) where !modelIDs.contains(version.modelID) {
                modelIDs.append(version.modelID)
            }
            return .object(
                ("id", .identifier(workspace.id)), ("name", .string(workspace.name)),
                ("created_at", .offset(workspace.createdAt)), ("created_by", .string(workspace.createdBy)),
                ("archived", .bool(false)), ("models", .array(modelIDs.map { .identifier($0) })),
                ("pipelines", .array(catalog.pipelines(in: workspace.id).map { .identifier($0.id) })))
        }
        return Response(json: .object(("workspaces", .array(workspaces))))
    }

    // MARK: Pipelines

    @Sendable func pipelineCreate(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let name = try body["pipeline_id"].string()
        let workspaceID: WorkspaceID = try body["workspace_id"].identifier()
        let definition = try PipelineDefinition(body["definition"])
        let events = try await store.change { catalog in
            [
                try catalog.createPipeline(
                    name: name, in: workspaceID, definition: definition, version: store.sources.uuid(),
                    createdBy: Catalog.defaultUser, at: store.sources.now())
            ]
        }
        guard case .pipelineVersionCreated(let creation)? = events.first else {
            preconditionFailure("Creating a pipeline is one event.")
        }
        return Response(
            json: .object(
                ("pipeline_pk_id", .identifier(creation.version.pipelineID)),
                ("pipeline_variant_pk_id", .identifier(creation.version.id)),
                ("pipeline_variant_version", .string(creation.version.version))))
    }

    @Sendable func deploy(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let name = try body["deploy_id"].string()
        let versionID: PipelineVersionID = try body["pipeline_version_pk_id"].identifier()
        let pipelineID: PipelineID? = try body["pipeline_id"].optional?.identifier()
        let models = try body["models"].optional?.array().map { try ModelReference($0) }
        let engine = body["engine_config"].value ?? .null
        let events = try await store.change { catalog in
            [
                try catalog.deploy(
                    name: name, pipelineVersionID: versionID, pipelineID: pipelineID, models: models,
                    engineConfiguration: engine, at: store.sources.now())
            ]
        }
        guard case .deployed(let deployment)? = events.first else {
            preconditionFailure("Deploying is one event.")
        }
        return Response(json: .object(("id", .identifier(deployment.id))))
    }

    @Sendable func undeploy(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let deploymentID: DeploymentID? = try body["deployment_id"].optional?.identifier()
        let pipelineID: PipelineID? = try body["pipeline_id"].optional?.identifier()
        try await store.change { catalog in
            try catalog.undeploy(
                deploymentID: deploymentID, pipelineID: pipelineID, at: store.sources.now())
        }
        store.forgetIdleModels()
        // An object, because newer clients cannot read null.
        return Response(json: .object(JSONObject()))
    }

    @Sendable func externalURL(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let name = try body["pipeline_name"].string()
        let workspaceID: WorkspaceID? = try body["workspace_id"].optional?.identifier()
        let catalog = store.catalog
        let pipeline = try catalog.pipeline(named: name, in: workspaceID)
        guard let deployment = catalog.deployment(of: pipeline.id), deployment.isDeployed,
            let path = catalog.inferencePath(of: deployment)
        else {
            throw StoreRefusal(.invalid, "pipeline \"\(name)\" is not deployed; deploy it first")
        }
        return Response(json: .object(("url", .string(base(of: request) + path))))
    }

    /// The configured public URL, else the address the client used to come here.
    private func base(of request: Request) -> String {
        if let publicURL { return publicURL }
        return "http://" + (request.head.authority ?? "localhost")
    }

    @Sendable func deploymentStatus(_ request: Request, _ context: APIContext) async throws -> Response {
        let name = try await request.document()["name"].string()
        let catalog = store.catalog
        guard let deployment = catalog.deployment(fullName: name), deployment.isDeployed,
            let pipeline = catalog.pipelines[deployment.pipelineID]
        else {
            // Clients wait for an undeployment by polling until exactly this status.
            throw StoreRefusal(.unknown, "deployment \"\(name)\" is not deployed")
        }
        let running = JSONValue.string("Running")
        let models = deployment.modelVersionIDs.compactMap { catalog.modelVersions[$0] }
        let version = catalog.pipelineVersions[deployment.pipelineVersionID]
        let engine = JSONValue.object(
            ("ip", .string("127.0.0.1")), ("name", .string(store.configuration.enginePartition)),
            ("status", running), ("reason", .null), ("details", .array([])),
            (
                "pipeline_statuses",
                .object(
                    (
                        "pipelines",
                        .array([
                            .object(
                                ("id", .string(pipeline.name)), ("status", running),
                                ("version", .string(version?.version)))
                        ])
                    ))
            ),
            (
                "model_statuses",
                .object(
                    (
                        "models",
                        .array(
                            models.map { model in
                                .object(
                                    ("name", .string(model.name)), ("version", .string(model.version)),
                                    ("sha", .string(model.contents.sha256)), ("status", running),
                                    ("model_version_id", .identifier(model.id)))
                            })
                    ))
            ))
        let balancer = JSONValue.object(
            ("ip", .string("127.0.0.1")), ("name", .string("engine-lb")), ("status", running),
            ("reason", .null), ("details", .array([])))
        return Response(
            json: .object(
                ("status", running), ("details", .array([])), ("engines", .array([engine])),
                ("engine_lbs", .array([balancer])), ("sidekicks", .array([]))))
    }

    @Sendable func topicName(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let catalog = store.catalog
        let pipeline: Pipeline
        if let field = body["pipeline_pk_id"].optional {
            pipeline = try catalog.requirePipeline(try field.identifier(), field: field.path)
        } else {
            let workspaceID: WorkspaceID? = try body["workspace_id"].optional?.identifier()
            pipeline = try catalog.pipeline(named: try body["pipeline_name"].string(), in: workspaceID)
        }
        return Response(json: .object(("topic_name", .string(pipeline.topic.name))))
    }
}
