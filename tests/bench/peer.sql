-- The peer: PostgreSQL with PostGIS doing what the pipeline does at its least: the nearest store of the chain that delivers
-- to the point and has all five lines, by KNN; take the stock; write the order with its lines; one transaction.
-- Coordinates are metres (UTM 18N), so that <-> is the distance itself and nothing is projected while orders come.
CREATE EXTENSION postgis;
CREATE EXTENSION btree_gist;
CREATE TABLE store_in (store int, chain int, open int, at geometry, zone geometry);
\copy store_in FROM PROGRAM :'stores' WITH (DELIMITER '|')
CREATE TABLE store (store int PRIMARY KEY, chain int NOT NULL, at geometry(Point, 26918) NOT NULL,
    zone geometry(Polygon, 26918) NOT NULL);
INSERT INTO store SELECT store, chain, ST_Transform(at, 26918), ST_Transform(zone, 26918) FROM store_in WHERE open = 1;
CREATE INDEX ON store USING gist (chain, at);
CREATE TABLE stock (store int, sku int, available int NOT NULL CHECK (available >= 0), price int NOT NULL)
    WITH (fillfactor = 80); -- room on the page for the next version of a row: no index work when stock is taken
\copy stock FROM PROGRAM :'stock' WITH (DELIMITER '|')
ALTER TABLE stock ADD PRIMARY KEY (store, sku);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, chain int NOT NULL, store int, at geometry(Point, 26918),
    placed timestamptz NOT NULL DEFAULT now(), total bigint);
CREATE TABLE order_line (order_id bigint, sku int, quantity int, price int, PRIMARY KEY (order_id, sku));

CREATE FUNCTION place(the_chain int, x float8, y float8, skus int[], quantities int[]) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    here geometry := ST_SetSRID(ST_MakePoint(x, y), 26918);
    chosen int;
    locked int;
    the_order bigint;
BEGIN
    LOOP
        SELECT s.store INTO chosen FROM store s
            JOIN LATERAL (SELECT count(*) AS lines FROM unnest(skus, quantities) AS l (sku, quantity)
                JOIN stock k ON k.store = s.store AND k.sku = l.sku AND k.available >= l.quantity) have ON have.lines = cardinality(skus)
            WHERE s.chain = the_chain AND ST_Covers(s.zone, here)
            ORDER BY s.at <-> here LIMIT 1;
        IF chosen IS NULL THEN
            INSERT INTO orders (chain, at) VALUES (the_chain, here);
            RETURN NULL;
        END IF;
        -- in the order of SKUs, so that no two wait for each other
        SELECT count(*) INTO locked FROM (SELECT k.available >= l.quantity AS enough FROM stock k
            JOIN unnest(skus, quantities) AS l (sku, quantity) ON k.sku = l.sku
            WHERE k.store = chosen ORDER BY k.sku FOR UPDATE OF k) AS row WHERE enough;
        EXIT WHEN locked = cardinality(skus); -- else somebody was faster: look again
    END LOOP;
    UPDATE stock k SET available = k.available - l.quantity FROM unnest(skus, quantities) AS l (sku, quantity)
        WHERE k.store = chosen AND k.sku = l.sku;
    INSERT INTO orders (chain, store, at) VALUES (the_chain, chosen, here) RETURNING id INTO the_order;
    INSERT INTO order_line SELECT the_order, l.sku, l.quantity, k.price FROM unnest(skus, quantities) AS l (sku, quantity)
        JOIN stock k ON k.store = chosen AND k.sku = l.sku;
    RETURN chosen;
END $$;
VACUUM ANALYZE;
CHECKPOINT;
