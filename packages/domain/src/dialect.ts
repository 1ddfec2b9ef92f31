/** The two families of SQL servers. MariaDB is `mysql`; what differs is asked of the server's version. */
export type Dialect = 'postgres' | 'mysql'
