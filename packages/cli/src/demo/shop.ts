/** The sample shop of the demo. */
export const SHOP = `
create table users (
  id            int primary key,
  name          text not null,
  email         text not null,
  ssn           char(11) not null,
  city          text not null,
  joined        date not null
);
create table orders (
  id            int primary key,
  user_id       int not null references users,
  item          text not null,
  total         numeric(10,2) not null,
  placed        timestamptz not null
);
insert into users values
  (1, 'Ada Lovelace',    'ada.lovelace@analytical.example', '078-05-1120', 'London',    '2023-12-10'),
  (2, 'Grace Hopper',    'grace@compiler.example',          '219-09-9999', 'New York',  '2024-01-09'),
  (3, 'Edsger Dijkstra', 'edsger.w@shortest-path.example',  '457-55-5462', 'Rotterdam', '2024-05-11'),
  (4, 'Barbara Liskov',  'barbara@substitution.example',    '322-81-0019', 'Boston',    '2025-11-07'),
  (5, 'Alan Turing',     'alan@machine.example',            '123-45-6789', 'Manchester','2026-06-23');
insert into orders values
  (101, 1, 'Punched cards',   129.00, '2026-03-01 09:14:00Z'),
  (102, 2, 'A moth, taped',     0.42, '2026-03-03 17:30:00Z'),
  (103, 3, 'Semaphore flags',  35.50, '2026-03-08 11:05:00Z'),
  (104, 1, 'Engine oil',       18.20, '2026-04-02 08:00:00Z'),
  (105, 4, 'A CLU, used',     250.00, '2026-04-19 20:45:00Z'),
  (106, 5, 'An apple',          0.99, '2026-05-30 16:00:00Z');
`

/** The demo's policy: what a newcomer reads first. */
export const POLICY = `# Without a rule that allows it, a statement is denied. Change this file while the demo runs: it takes effect within a second.
rules:
  - name: analysts read the shop
    for: { groups: [analysts] }
    on: { databases: [shop] }
    allow: [read]
  - name: nobody destroys
    deny: [drop database, drop schema, drop table, truncate]
  - name: personal data
    mask:
      public.users.email: partial
      "*.ssn": { keepLast: 4 }
    except: { groups: [privacy] }
`
