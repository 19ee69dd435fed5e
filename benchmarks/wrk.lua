-- Requests as ours are, but for the signature: one for each of 50 targets, in turns.
local file = io.open(os.getenv("BENCH_PAYLOAD"), "rb")
local body = file:read("*a")
file:close()

local requests, number = {}, 0

function init()
   for target = 0, 49 do
      requests[target] = wrk.format("POST", "/endpoints/bench/invocations", {
         ["Content-Type"] = "application/octet-stream",
         ["X-Amzn-SageMaker-Target-Model"] = string.format("model-v%d.tar.gz", target),
      }, body)
   end
end

function request()
   number = (number + 1) % 50
   return requests[number]
end
