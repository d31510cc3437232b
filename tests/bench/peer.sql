-- The peer: PostgreSQL with PostGIS doing what the pipeline does at its least: the nearest store of the chain that delivers
-- to the point and has all five lines, by KNN; take the stock; write the order with its lines; one transaction.
-- Coordinates are metres (UTM 18N), so that <-> is the distance itself and nothing is projected while orders come.
CREATE TABLE store (store int PRIMARY KEY, chain int NOT NULL, at geometry(Point, 26918) NOT NULL,
    zone geometry(Polygon, 26918) NOT NULL);
INSERT INTO store SELECT store, chain, ST_Transform(at, 26918), ST_Transform(zone, 26918) FROM store_in WHERE open = 1;
CREATE INDEX ON store USING gist (chain, at);
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
        -- as a subquery the stock is looked at only while the index walks outwards; as a LATERAL join the planner takes
        -- all stores that deliver there and sorts them, 30 times slower
        SELECT s.store INTO chosen FROM store s
            WHERE s.chain = the_chain AND ST_Covers(s.zone, here)
                AND (SELECT count(*) FROM unnest(skus, quantities) AS l (sku, quantity)
                    JOIN stock k ON k.store = s.store AND k.sku = l.sku AND k.available >= l.quantity) = cardinality(skus)
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
