import { defineConfig } from 'vitest/config';

// Integration and e2e tests start real processes and mostly wait for them: two files at a time on two cores. The one
// kind runs after the other, because both make networks of their own.
const real = { pool: 'forks', maxWorkers: 2 } as const;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          sequence: { groupOrder: 0 },
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          ...real,
          sequence: { groupOrder: 1 },
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          ...real,
          sequence: { groupOrder: 2 },
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 90_000,
          hookTimeout: 90_000,
        },
      },
    ],
  },
});
