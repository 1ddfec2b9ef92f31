export { createLogger, isLogLevel, type Logger, type LogLevel } from './logger.js'
export { createMetrics, type Metrics } from './metrics.js'
export type { Count, Family, Level, Observed } from './registry.js'
