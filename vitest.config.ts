import { defineConfig } from 'vitest/config'

// Unit tests sit beside the source and run from it (export condition `source`), without a build.
// e2e tests are black-box: they start the built `sluice` command.
const source = {
  ssr: { resolve: { conditions: ['source'], externalConditions: ['source'] } },
  resolve: { conditions: ['source'] },
}

export default defineConfig({
  test: {
    projects: [
      {
        ...source,
        test: {
          name: 'unit',
          globalSetup: ['scripts/temporary-folder.ts'],
          sequence: { groupOrder: 1 },
          include: ['{packages/*,parsers,policy,recorder,proxy}/src/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        ...source,
        test: {
          name: 'e2e',
          sequence: { groupOrder: 2 },
          include: ['e2e/src/**/*.test.ts', 'recorder/e2e/**/*.test.ts'],
          globalSetup: ['e2e/src/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
    ],
  },
})
