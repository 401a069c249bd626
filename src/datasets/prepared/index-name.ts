/** The file that tells what a prepared folder holds. */
export const indexName = 'prepared.json';
