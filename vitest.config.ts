import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // No module of ours keeps state between tests.
          isolate: false,
          maxWorkers: 2,
          include: ['test/**/*.test.ts'],
          exclude: ['test/contract/**', 'test/e2e/**', 'test/e2e-modern/**', 'test/e2e-node/**'],
          // Property tests take seconds of CPU time, and more on a machine that does other things.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'sandbox',
          include: ['test/contract/**/*.test.ts'],
          // They wait for minutes: at the real API server alone.
          exclude: process.env.CONTRACT === 'all' ? [] : ['test/contract/{certificates,replicas,roles-only}.test.ts'],
          env: { CONTRACT_CLUSTER: 'sandbox' },
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Most of a test is waiting for the service's process: more files at once than cores.
          maxWorkers: 3,
          // After the unit tests, which would take the time from tests that watch a clock.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/contract/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          env: { CONTRACT_CLUSTER: 'real' },
          globalSetup: ['test/e2e/cluster-setup.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 120_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: 'modern',
          include: [
            'test/e2e-modern/**/*.test.ts',
            // What needs neither controllers nor RBAC.
            'test/contract/{opt-out,pull-secret,registration,without-credential}.test.ts',
          ],
          env: { CONTRACT_CLUSTER: 'real' },
          globalSetup: ['test/e2e-modern/api-server-setup.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'node',
          include: ['test/e2e-node/**/*.test.ts'],
          globalSetup: ['test/e2e-node/node-setup.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 4 },
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
