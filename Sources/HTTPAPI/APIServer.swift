// The server: all routes, one application, and the life around it.
//
// Invariants:
//  * It listens only once the store is open, so that whoever reaches it finds the whole log.
//  * On SIGTERM or SIGINT requests under way are answered, the scheduler stops, and the log is
//    sealed before the process ends. Who does not take its answer, or finish its request, in time is cut off.

import Alerts
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Store

/// Where a server listens, and how it is called from outside.
package struct ServerConfiguration: Sendable {
    /// A name or an address; one of IPv6 without brackets.
    package var host: String
    /// 0 lets the system choose one.
    package var port: Int
    /// What stands before paths in answers; nil answers with the address that the client used.
    package var publicURL: String?

    /// A slash at the end of `publicURL` is dropped.
    package init(host: String = "127.0.0.1", port: Int = 8080, publicURL: String? = nil) {
        self.host = host
        self.port = port
        self.publicURL = publicURL.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    }

    /// Whether paths can be put behind `text` and make URLs: a scheme and a host, perhaps a port and a path.
    package static func isPublicURL(_ text: String) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: text.hasPrefix) else { return false }
        // Of printable ASCII, as every URL is (RFC 3986), and without what would end the path.
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !text.contains(where: "?#\\".contains)
        else {
            return false
        }
        return WebhookAddress.hostAndPort(text.dropFirst(scheme.count).prefix { $0 != "/" }) != nil
    }

    /// The host and a port as a URL has them: an address of IPv6 in brackets.
    package func authority(port: Int) -> String {
        (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
    }
}

/// A store served over HTTP, with its schedulers and its webhooks.
package struct APIServer {
    /// The longest body of records that is taken.
    package static let bodyByteCountMax = RequestLimits.recordsByteCountMax

    private let store: InferenceStore
    private let configuration: ServerConfiguration
    private let logger: Logger

    package init(_ store: InferenceStore, _ configuration: ServerConfiguration, logger: Logger) {
        self.store = store
        self.configuration = configuration
        self.logger = logger
    }

    /// How long a client may be silent (SilentClients.swift).
    static let idleTimeout = TimeAmount.seconds(60)

    /// How long requests under way have, once the process is told to stop: most supervisors wait thirty seconds
    /// before they kill, and the log is to be sealed by then.
    static let stopDuration = Duration.seconds(10)

    /// What answers by a router, with an eye on whether each client is still there.
    ///
    /// - Parameter idleTimeout: how long a connection may be silent.
    static func application(
        _ router: Router<APIContext>, _ configuration: ServerConfiguration, idleTimeout: TimeAmount,
        services: [any Service] = [], logger: Logger,
        whenListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) -> some ApplicationProtocol {
        var logger = logger
        logger.logLevel = .warning
        return Application(
            router: router,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [
                        OldClientPlacer(), ClientWatchHandler(), LargeReadsHandler(),
                        ExpectContinueHandler(), SilentClientHandler(timeout: idleTimeout),
                    ])),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: "assaylog"),
            services: services,
            onServerRunning: { channel in whenListening(channel.localAddress?.port ?? 0) },
            logger: logger)
    }

    /// Every route there is.
    static func routes(
        _ store: InferenceStore, publicURL: String?, budget: BodyBudget = BodyBudget(),
        logger: Logger = Logger(label: "assaylog", factory: { _ in SwiftLogNoOpLogHandler() })
    ) -> [Route] {
        let lineReaders = LineReaders()
        return CatalogRoutes(store: store, publicURL: publicURL).routes
            + ModelRoutes(store: store).routes
            + InferenceRoutes(store: store).routes
            + AssayRoutes(store: store).routes
            + SeriesRoutes(store: store).routes
            + AlertRoutes(store: store).routes
            + HousekeepingRoutes(store: store, logger: logger).routes
            + LogRoutes(store: store, lineReaders: lineReaders).routes
            + PipelineLogRoutes(store: store, lineReaders: lineReaders).routes
            + HealthRoutes(store: store).routes
            + MetricsRoutes(store: store, budget: budget).routes
    }

    static func router(
        _ store: InferenceStore, publicURL: String?, budget: BodyBudget = BodyBudget(), logger: Logger
    ) -> Router<APIContext> {
        let routes = routes(store, publicURL: publicURL, budget: budget, logger: logger)
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(
            middleware: ErrorMiddleware(routes: routes, logger: logger) { store.unseenRemark })
        router.add(
            middleware: BodyBudgetMiddleware<APIContext>(budget: budget) { context in
                store.noteRefusedBody(of: context.parameters)
            })
        for route in routes {
            router.on(RouterPath(route.path), method: route.method, use: route.handler)
        }
        return router
    }

    /// What runs an application until it is told to stop, by a signal or by whoever holds it.
    ///
    /// - Parameters:
    ///   - bySignals: whether SIGTERM and SIGINT tell it.
    ///   - duration: how long it waits for requests that are under way then.
    static func group(
        _ application: some ApplicationProtocol, bySignals: Bool = false,
        within duration: Duration = stopDuration, logger: Logger
    ) -> ServiceGroup {
        var quiet = logger
        quiet.logLevel = .warning
        var group = ServiceGroupConfiguration(
            services: [application], gracefulShutdownSignals: bySignals ? [.sigterm, .sigint] : [],
            logger: quiet)
        group.maximumGracefulShutdownDuration = duration
        return ServiceGroup(configuration: group)
    }

    /// Serves until the process is told to stop, then closes the store.
    ///
    /// - Parameter whenListening: called with the port, once.
    package func run(whenListening: @escaping @Sendable (Int) -> Void) async throws {
        let scheduler = SchedulerService(
            first: AssayScheduler(store, logger: logger, writingOn: .caller),
            second: SeriesScheduler(store, logger: logger, writingOn: .caller))
        let sender = SenderService(
            sender: WebhookSender(
                store, poster: HTTPWebhookPoster(store.configuration.webhookPolicy), logger: logger))
        let application = APIServer.application(
            APIServer.router(store, publicURL: configuration.publicURL, logger: logger), configuration,
            idleTimeout: APIServer.idleTimeout,
            services: [
                scheduler, sender, HousekeeperService(housekeeper: Housekeeper(store, logger: logger)),
            ],
            logger: logger, whenListening: whenListening)
        let outcome: Result<Void, any Error>
        do {
            try await APIServer.group(application, bySignals: true, logger: logger).run()
            outcome = .success(())
        } catch {
            outcome = .failure(ListeningError(error, configuration) ?? error)
        }
        if let unsealed = try await store.close() {
            logger.warning(
                """
                stopped, and the log is not sealed: all that was acknowledged is durable, and the next start finds it \
                (\(unsealed))
                """)
        }
        try outcome.get()
    }
}

// Services say their names: the library would find them by looking into each, at every start.

/// Runs the schedulers of both generations as long as the application lives.
private struct SchedulerService: Service, CustomStringConvertible {
    var description: String { "schedulers" }
    let first: AssayScheduler
    let second: SeriesScheduler

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskExecutorPreference(LongWork.schedulers) {
                async let first: Void = first.run()
                await second.run()
                await first
            }
        }
    }
}

/// Tells webhooks as long as the application lives.
private struct SenderService: Service, CustomStringConvertible {
    var description: String { "webhook sender" }
    let sender: WebhookSender

    func run() async throws {
        await cancelWhenGracefulShutdown { await sender.run() }
    }
}

/// Keeps house as long as the application lives.
private struct HousekeeperService: Service, CustomStringConvertible {
    var description: String { "housekeeper" }
    let housekeeper: Housekeeper

    func run() async throws {
        await cancelWhenGracefulShutdown { await housekeeper.run() }
    }
}
