-- One request, again and again: BENCH_PATH, BENCH_TARGET, BENCH_TYPE, BENCH_JSON_SIZE and the body in BENCH_PAYLOAD.
-- So many heads in turns as BENCH_HEADS says: an id in them differs, as it does in each request of boto3.
local file = io.open(os.getenv("BENCH_PAYLOAD"), "rb")
local body = file:read("*a")
file:close()

local headers = { ["Content-Type"] = os.getenv("BENCH_TYPE") }
if os.getenv("BENCH_TARGET") ~= "" then
   headers["X-Amzn-SageMaker-Target-Model"] = os.getenv("BENCH_TARGET")
   headers["X-Amz-Date"] = "20260102T030405Z"
   headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=LOCAL/20260102/us-east-1/sagemaker/aws4_request, " ..
      "SignedHeaders=content-type;host;x-amz-date;x-amzn-sagemaker-target-model, Signature=" .. string.rep("0", 64)
end
if os.getenv("BENCH_JSON_SIZE") ~= "" then
   headers["Inference-Header-Content-Length"] = os.getenv("BENCH_JSON_SIZE")
end

local requests, number, count = {}, 0, tonumber(os.getenv("BENCH_HEADS"))

function init()
   for each = 1, count do
      headers["Amz-Sdk-Invocation-Id"] = string.format("6f1e4d0c-8a53-4c7b-9a57-%012x", each)
      requests[each] = wrk.format("POST", os.getenv("BENCH_PATH"), headers, body)
   end
end

function request()
   number = number % count + 1
   return requests[number]
end
