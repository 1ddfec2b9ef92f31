import { expect, test } from 'vitest'
import { createMetrics } from './metrics.js'
import { createRegistry } from './registry.js'

test('counters and gauges are rendered as Prometheus reads them', () => {
  const registry = createRegistry()
  const statements = registry.counter('s_total', 'Statements.', ['dialect', 'decision'])
  const allowed = statements.with({ dialect: 'postgres', decision: 'allow' })
  allowed.add()
  allowed.add(2)
  statements.increment({ decision: 'deny', dialect: 'mysql' })
  registry.gauge('up', 'Whether it is up.').with({}).set(1)
  registry.observed('now', 'Now.').follow(() => 7)
  registry.observed('later', 'Nobody follows it yet.')
  expect(registry.render()).toBe(`# HELP s_total Statements.
# TYPE s_total counter
s_total{dialect="postgres",decision="allow"} 3
s_total{dialect="mysql",decision="deny"} 1
# HELP up Whether it is up.
# TYPE up gauge
up 1
# HELP now Now.
# TYPE now gauge
now 7
`)
})

test('the same labels are the same series, and no label value breaks out of its quotes', () => {
  const registry = createRegistry()
  const bytes = registry.counter('b', 'Bytes.', ['database'])
  expect(bytes.with({ database: 'x' })).toBe(bytes.with({ database: 'x' }))
  bytes.with({ database: 'a"\n\\} 1' }).add()
  expect(registry.render()).toContain('b{database="a\\"\\n\\\\} 1"} 1\n')
})

test('the gateway’s metrics all render, each name once', () => {
  const metrics = createMetrics()
  metrics.sessions.follow(() => 3)
  metrics.statements.increment({ decision: 'deny' })
  const text = metrics.render()
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1])
  expect(new Set(names).size).toBe(names.length)
  expect(text).toContain('sluice_sessions_open 3\n')
  expect(text).toContain('sluice_statements_total{decision="deny"} 1\n')
  expect(text).not.toContain('sluice_connections_pending')
  expect(text).toMatch(/process_resident_memory_bytes \d{7,}/)
})
