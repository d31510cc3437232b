-- The peer's tables (peer.sql says what it is), before they are filled.
CREATE EXTENSION postgis;
CREATE EXTENSION btree_gist;
CREATE TABLE store_in (store int, chain int, open int, at geometry, zone geometry);
CREATE TABLE stock (store int, sku int, available int NOT NULL CHECK (available >= 0), price int NOT NULL)
    WITH (fillfactor = 80); -- room on the page for the next version of a row: no index work when stock is taken
